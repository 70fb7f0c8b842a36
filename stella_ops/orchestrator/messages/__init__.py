"""What is asked and answered, as models: they check what comes in, and the OpenAPI document is made of them."""
