#!/usr/bin/perl
# WANT_JSON
open(my $in, '<', $ARGV[0]); local $/; my $text = <$in>;
my ($name) = $text =~ /"name": "(\w+)"/;
print "{\"changed\": true, \"name\": \"$name\"}\n";
