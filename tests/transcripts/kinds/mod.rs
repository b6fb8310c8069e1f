//! The kinds that few speak of, as a user of kubectl meets them.

mod addresses;
mod admission_registration;
mod api_services;
mod certificates;
mod custom;
mod devices;
mod events;
mod flow_control;
mod reviews;
mod served;
