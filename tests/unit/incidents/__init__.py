"""Tests of the incidents' servers, where the scenarios leave something open."""
