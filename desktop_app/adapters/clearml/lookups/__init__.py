"""What has to be known beside tasks (names, agents, queue entries), asked for as seldom as possible. Any thread."""
