"""What things cost: prices with date and source, and the ledger of a run."""
