//! Lessons: Markdown transcripts that are read, replayed, compared and shown.
//!
//! A lesson is one CommonMark file that reads well as it is. Its front matter says what cluster it
//! plays on; its `##` headings are the steps; its fenced blocks are files (`yaml file=NAME`),
//! commands with their expected output (`console`), questions (`quiz`) and tasks (`task`). Nothing here runs a
//! command or touches a terminal: a [`Shell`] does the one, the caller the other.

pub mod check;
pub mod course;
mod file;
pub mod library;
pub mod lint;
pub mod model;
pub mod narrow;
pub mod parse;
pub mod progress;
pub mod render;
pub mod review;
pub mod schema;
pub mod shell;
pub mod tables;
pub mod task;
pub mod update;
pub mod words;

pub use check::{Difference, Report, check};
pub use file::Broken;
pub use model::{Block, Command, Console, FrontMatter, Lesson, Profile, Quiz, Step};
pub use parse::parse;
pub use progress::{Progress, Reached};
pub use shell::{Audience, Mark, Reply, Shell};
pub use task::{Condition, Task};
pub use update::update;
