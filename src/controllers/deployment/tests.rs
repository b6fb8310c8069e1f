//! How a Deployment scales its ReplicaSets.
