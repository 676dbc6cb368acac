"""The toxics of one proxy, and the links they act on."""

from __future__ import annotations

import dataclasses

from chaos.links.embedded.errors import toxic_exists, toxic_not_found
from chaos.links.embedded.items import Direction
from chaos.links.embedded.link import Link
from chaos.links.embedded.setting import Setting
from chaos.links.embedded.toxics import Toxic

__all__ = ["Chain"]


class Chain:
    """Toxics in the order in which they were added, per direction. A change takes effect on all links before the
    call returns."""

    def __init__(self) -> None:
        self._settings: dict[Direction, list[Setting]] = {direction: [] for direction in Direction}
        self._links: dict[Direction, set[Link]] = {direction: set() for direction in Direction}

    def settings(self) -> list[Setting]:
        """All toxics: those of upstream first, each direction in its order."""
        return [setting for settings in self._settings.values() for setting in settings]

    def get(self, name: str) -> Setting:
        """The toxic of this name; names are unique over both directions. Raises ApiError 404."""
        for setting in self.settings():
            if setting.name == name:
                return setting
        raise toxic_not_found()

    def has(self, name: str) -> bool:
        return any(setting.name == name for setting in self.settings())

    def add(self, setting: Setting) -> None:
        """Append a toxic to its direction. Raises ApiError 409."""
        if self.has(setting.name):
            raise toxic_exists()
        self._settings[setting.direction].append(setting)
        for link in tuple(self._links[setting.direction]):
            link.add(setting)

    def update(self, name: str, *, toxic: Toxic, toxicity: float) -> Setting:
        """Change a toxic where it is. Raises ApiError 404."""
        old = self.get(name)
        new = dataclasses.replace(old, toxic=toxic, toxicity=toxicity)
        settings = self._settings[old.direction]
        settings[settings.index(old)] = new
        for link in tuple(self._links[old.direction]):
            link.update(new)
        return new

    def remove(self, name: str) -> None:
        """Take a toxic away. Raises ApiError 404."""
        setting = self.get(name)
        self._settings[setting.direction].remove(setting)
        for link in tuple(self._links[setting.direction]):
            link.remove(name)

    def clear(self) -> None:
        """Take all toxics away, the first of each direction first."""
        for setting in self.settings():
            self.remove(setting.name)

    def attach(self, link: Link) -> None:
        """Start a link under the toxics of its direction."""
        self._links[link.direction].add(link)
        link.start(self._settings[link.direction])

    def detach(self, link: Link) -> None:
        """A link has ended."""
        self._links[link.direction].discard(link)
