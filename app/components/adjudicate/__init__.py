"""What a senior sees and presses when settling what others disagree on."""
