//! Questions in a guided lesson, and the debrief at its end.

use anyhow::Result;
use owo_colors::Style;

use super::{Flow, Guide, Wish};
use crate::cli::lesson::screen::Screen;
use crate::lessons::model::Quiz;

impl Guide<'_> {
    /// Asks until the right answer is given, or wanted; each wrong one is told why it is.
    pub(super) fn quiz(&mut self, quiz: &Quiz) -> Result<Flow> {
        let screen = Screen::new(self.ui);
        let flow = self.read(&screen.question_text(quiz))?;
        if !matches!(flow, Flow::On) {
            return Ok(flow);
        }
        let letters: Vec<&str> = quiz.options.keys().map(String::as_str).collect();
        let (last, others) = letters.split_last().map_or(("", &letters[..]), |(last, others)| (*last, others));
        let prompt = format!("{} or {last}? ", others.join(", "));
        self.ui.out("\n");
        let mut tried: Vec<String> = Vec::new();
        let mut hinted = false;
        loop {
            let word = match self.ask(&prompt, "", "")? {
                Wish::Back => return Ok(Flow::Back),
                Wish::Quit => return Ok(Flow::Quit),
                Wish::Jump(step) => return Ok(Flow::Jump(step)),
                Wish::Enter | Wish::Ran(..) => continue,
                Wish::Word(word) => word.trim_end_matches([')', '.']).to_lowercase(),
            };
            match word.as_str() {
                _ if word == quiz.answer => {
                    self.count(quiz, tried.is_empty())?;
                    let right = self.ui.paint("Right.", Style::new().green().bold());
                    return self.read(&screen.answer_text(&right, quiz));
                }
                "hint" => {
                    hinted = true;
                    screen.prose(quiz.hint.as_deref().unwrap_or("There is no hint for this one."));
                    self.ui.out("\n");
                }
                "question" | "again" => {
                    self.say(&screen.question_text(quiz));
                    self.ui.out("\n");
                }
                "skip" | "answer" | "solution" => {
                    self.count(quiz, false)?;
                    return self.read(&screen.answer_text(&format!("It is {}: {}", quiz.answer, quiz.right()), quiz));
                }
                _ if !quiz.options.contains_key(&word) => {
                    self.say(
                        "A letter, please; hint, question or answer; or a command, if you would rather look first.\n",
                    );
                }
                _ if tried.contains(&word) => {
                    let reason = quiz.reasons.get(&word).map_or("", String::as_str);
                    screen.prose(format!("Still not {word}. {reason}").trim());
                    self.ui.out("\n");
                }
                _ => {
                    let reason = quiz.reasons.get(&word).map_or("", String::as_str);
                    let hint = quiz.hint.as_deref().filter(|_| tried.is_empty() && !hinted).unwrap_or_default();
                    screen.prose(format!("Not {word}. {reason} {hint}").trim());
                    tried.push(word);
                    if tried.len() == 2 {
                        screen.prose("`answer` tells it, if you would rather read it.");
                    }
                    self.ui.out("\n");
                }
            }
        }
    }

    /// Asks one question; false where they left.
    pub(in crate::cli::lesson) fn ask_once(mut self, quiz: &Quiz) -> Result<bool> {
        Ok(!matches!(self.quiz(quiz)?, Flow::Quit))
    }

    fn count(&mut self, quiz: &Quiz, right: bool) -> Result<()> {
        self.reached.asked += 1;
        self.reached.right += u32::from(right);
        (self.remember)(quiz, right)
    }

    /// What was learnt, and questions about it.
    pub(super) fn debrief(&mut self) -> Result<()> {
        let lesson = self.lesson;
        let front = &lesson.front;
        if !front.review.is_empty() {
            self.say("\nBefore you go, once more from memory:\n");
        }
        for quiz in &front.review {
            if !matches!(self.quiz(quiz)?, Flow::On) {
                break;
            }
        }
        let mut text = String::new();
        if !front.learnt.is_empty() {
            let rules: Vec<String> = front.learnt.iter().map(|rule| format!("- {rule}")).collect();
            text += &Screen::new(self.ui).prose_text(&format!("What to remember:\n\n{}", rules.join("\n")));
        }
        if self.reached.asked > 0 {
            let (right, asked) = (self.reached.right, self.reached.asked);
            text += &format!("\nYou foresaw {right} of {asked} at once.\n");
            if right < asked {
                text += "kstate lesson review asks the others again, in a day.\n";
            }
        }
        self.read(&text)?;
        Ok(())
    }
}
