"""The same work side by side with ceilings and peers: ratios, taken in one run on one machine."""
