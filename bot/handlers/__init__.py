"""The callback handlers of a run: each token goes to the log and to the reply, apart."""
