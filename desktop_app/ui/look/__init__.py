"""How things look: colours, icons, measures, words of a status."""
