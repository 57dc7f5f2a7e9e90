"""Where records of API servers are kept for resolvers that do not see Azure's private zones."""
