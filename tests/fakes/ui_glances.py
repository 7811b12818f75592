"""The part of the fake core that counts how often a person looks. GUI thread."""


class Glanced:
    glances = 0

    def glance(self) -> None:
        self.glances += 1
