//! What a StatefulSet does next.
