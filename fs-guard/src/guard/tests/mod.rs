//! Attacks on the guard, in throw-away worlds.

mod world;

mod links;
mod moves;
mod patterns;
mod places;
mod races;
mod random;
mod spellings;
