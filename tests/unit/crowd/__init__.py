"""Tests of the crowd."""
