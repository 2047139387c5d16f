"""An embedded world on loopback that speaks the real protocols."""
