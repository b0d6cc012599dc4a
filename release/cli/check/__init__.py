"""`slipway check PROJECT`: what slipway would make of a Django project, asked of nobody but this computer."""
