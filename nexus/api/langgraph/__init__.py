"""The LangGraph server's routes: its clients, frontends and Studio work with these."""
