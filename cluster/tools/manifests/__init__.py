"""The parts of check_manifests.py."""
