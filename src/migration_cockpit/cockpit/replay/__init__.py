"""A recording played on the same screen: the player, its keys, and moments as people name them."""
