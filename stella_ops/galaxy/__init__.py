"""Collections and roles as archives, folders and repositories: building, fetching, installing and verifying them."""
