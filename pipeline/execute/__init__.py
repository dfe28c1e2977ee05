"""Where planning meets engines: inputs made ready, cells run in parallel, outputs kept."""
