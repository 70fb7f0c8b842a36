"""The operations of the API, by who calls them."""
