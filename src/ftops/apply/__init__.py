"""Acting: the loop of one pass, the journal of intents, and the lease that makes one writer."""
