//! A folder of lessons as a course: `course.yaml` names it and puts its lessons in order.

use serde::Deserialize;

use super::model::printable_text;

/// The file's name.
pub const FILE: &str = "course.yaml";

/// A course.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// What it is called.
    #[serde(deserialize_with = "printable_text")]
    pub title: String,
    /// What it is about, in a sentence.
    #[serde(default, deserialize_with = "printable_text")]
    pub summary: String,
    /// The names of its lessons, the files' without `.md`, in the order in which they are best taken.
    pub lessons: Vec<String>,
}

impl Course {
    /// Reads the file's text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Course, String> {
        let course: Course = serde_yaml::from_str(text).map_err(|e| e.to_string())?;
        let is_name = |name: &&String| !name.is_empty() && !name.contains(['/', '\\', ':']) && !name.starts_with('.');
        match course.lessons.iter().find(|name| !is_name(name)) {
            Some(name) => Err(format!("lessons: {name:?} is no lesson of this folder")),
            None if course.lessons.is_empty() => Err("lessons: a course has at least one".into()),
            None => Ok(course),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Course;

    #[test]
    fn only_lessons_of_its_own_folder_are_named() {
        let read =
            |lessons: &str| Course::read(&format!("title: T\nlessons: {lessons}\n")).map(|course| course.lessons);
        assert_eq!(read("[b, a]"), Ok(vec!["b".to_string(), "a".into()]));
        for (lessons, fault) in [
            ("[../a]", "lessons: \"../a\" is no lesson of this folder"),
            ("['']", "lessons: \"\" is no lesson of this folder"),
            ("[]", "lessons: a course has at least one"),
        ] {
            assert_eq!(read(lessons), Err(fault.to_string()));
        }
    }
}
