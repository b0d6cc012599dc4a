"""`slipway build`: an artifact built and tried out on this computer, without any cloud."""
