"""The facts about sessions: the store, who asks for them and when, and the notices about them."""
