"""The modules behind `./mes`: standard library only, so that they run before anything is installed."""
