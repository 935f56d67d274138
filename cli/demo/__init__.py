"""The main job on real input, watched, counted and compared with what the gateway got."""
