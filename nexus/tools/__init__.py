"""Where tools come from: one provider a module, each behind `nexus.ports.tools.ToolProvider`."""
