"""Reading the world: one file per source. A source yields readings and never writes."""
