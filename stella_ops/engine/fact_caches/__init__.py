"""Facts of hosts that outlive a run: one file a place where they can be kept (``fact_caching``)."""
