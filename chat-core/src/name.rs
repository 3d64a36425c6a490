//! Names of people and rooms, parsed once at the door.
