"""What every command needs: errors, files, locks, parameters, the screen. Imports no other room."""
