//! The process: start, stop, and failures of its threads, its output and its disk.

mod about;
mod broken_output;
mod deploy_files;
mod full_disk;
mod graceful_shutdown;
mod orphan_files;
mod resource_limits;
mod startup;
mod stop_signals;
mod thread_failure;
mod unwritable_data;
