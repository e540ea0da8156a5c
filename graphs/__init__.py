"""The agent as a LangGraph state machine: one file a node, `agent.py` wires them."""
