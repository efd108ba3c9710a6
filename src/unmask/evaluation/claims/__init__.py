"""The paper's claims, one file each: what is claimed, how it is computed exactly, and what would make it fail."""
