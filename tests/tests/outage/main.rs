//! What a promise is worth when something dies: broker, gateway, notifier, registry. Each test has a broker of its own.

mod broker;
mod disk;
mod evidence;
mod gateway;
mod notifier;
mod registry;
mod topics;
mod world;
