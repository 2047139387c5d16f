"""What works beside the steps by itself, from State: verdict, known failures, updates, days, length of the way back."""
