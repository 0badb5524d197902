"""Who agrees with whom, over people and judges alike: frames in, frames out."""
