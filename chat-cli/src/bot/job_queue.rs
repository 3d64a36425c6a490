//! The job queue: limits how many jobs run at once and how many wait. People take turns, and the jobs of one requester run
//! in order.

use std::collections::{HashMap, HashSet, VecDeque};

use chat_core::PersonName;

use super::job::{Job, Requester};

/// The jobs of all requesters.
#[derive(Debug)]
pub(crate) struct JobQueue {
    max_running: usize,
    /// How many jobs may wait in total, and of one person.
    max_queued: (usize, usize),
    running: HashSet<Requester>,
    queued: VecDeque<Job>,
    /// The requesters that have been told that the queue is full.
    refused: HashSet<Requester>,
    /// The turn in which each person with a job was served last; who is not in it was never served.
    served: HashMap<PersonName, u64>,
    turn: u64,
}

/// The outcome of submitting a job.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// The job runs now.
    Run(Job),
    /// The job waits for its turn.
    Queued,
    /// The job waits in the place of another one, whose requester had more waiting and has to be told.
    Displaces(Requester),
    /// The queue is full; the requester has to be told.
    Refused(Requester),
    /// The queue is full, and the requester has been told before.
    RefusedAgain,
}

impl JobQueue {
    /// A queue that runs the jobs of `max_running` requesters at once; further jobs wait.
    pub(crate) fn new(max_running: usize) -> JobQueue {
        JobQueue {
            max_running,
            max_queued: (MAX_QUEUED, MAX_QUEUED_OF_ONE),
            running: HashSet::new(),
            queued: VecDeque::new(),
            refused: HashSet::new(),
            served: HashMap::new(),
            turn: 0,
        }
    }

    /// A queue in which no job can wait.
    pub(crate) fn without_queue(max_running: usize) -> JobQueue {
        JobQueue { max_queued: (0, 0), ..JobQueue::new(max_running) }
    }

    /// Adds `job`: it runs, waits or is refused.
    pub(crate) fn submit(&mut self, job: Job) -> Admission {
        if self.running.len() < self.max_running && !self.running.contains(&job.requester) {
            return Admission::Run(self.run(job));
        }
        let (total, of_one) = self.max_queued;
        let waiting = self.waiting(&job.requester.person);
        if waiting < of_one && self.queued.len() < total {
            self.queued.push_back(job);
            return Admission::Queued;
        }
        let displaced = if waiting < of_one { self.displaced(waiting) } else { None };
        if let Some(at) = displaced
            && let Some(other) = self.queued.remove(at)
        {
            self.queued.push_back(job);
            return match self.is_told(&other.requester) {
                true => Admission::Displaces(other.requester),
                false => Admission::Queued,
            };
        }
        if self.is_told(&job.requester) { Admission::Refused(job.requester) } else { Admission::RefusedAgain }
    }

    /// Removes the running job of `requester`. Returns the next job to run.
    pub(crate) fn finish(&mut self, requester: &Requester) -> Option<Job> {
        self.running.remove(requester);
        self.refused.clear();
        let turn = |job: &Job| self.served.get(&job.requester.person).copied().unwrap_or_default();
        let may_run =
            self.queued.iter().enumerate().filter(|(_, job)| !self.running.contains(&job.requester));
        // Who was served longest ago, or never, is next.
        let next = may_run.min_by_key(|(_, job)| turn(job)).map(|(at, _)| at);
        let next = next.and_then(|at| self.queued.remove(at)).map(|job| self.run(job));
        let has_job = |person: &PersonName| {
            let mut queued = self.queued.iter().map(|job| &job.requester);
            let mut running = self.running.iter();
            running.any(|one| one.person == *person) || queued.any(|one| one.person == *person)
        };
        let gone = Some(&requester.person).filter(|person| !has_job(person));
        gone.and_then(|person| self.served.remove(person));
        next
    }

    /// Whether `requester` is told of the full queue now, rather than before.
    fn is_told(&mut self, requester: &Requester) -> bool {
        self.refused.len() < MAX_REFUSED && self.refused.insert(requester.clone())
    }

    fn run(&mut self, job: Job) -> Job {
        self.turn += 1;
        self.served.insert(job.requester.person.clone(), self.turn);
        self.running.insert(job.requester.clone());
        job
    }

    /// How many jobs of `person` wait.
    fn waiting(&self, person: &PersonName) -> usize {
        self.queued.iter().filter(|job| job.requester.person == *person).count()
    }

    /// The newest job of the person who has the most waiting, if these are at least two more than `waiting`.
    fn displaced(&self, waiting: usize) -> Option<usize> {
        let jobs = self.queued.iter().enumerate();
        let (most, at) = jobs.map(|(at, job)| (self.waiting(&job.requester.person), at)).max()?;
        (most >= waiting + 2).then_some(at)
    }
}

/// How many jobs may wait in total.
const MAX_QUEUED: usize = 64;
/// How many jobs of one person may wait.
const MAX_QUEUED_OF_ONE: usize = 8;
/// How many requesters are told that the queue is full, until a job ends.
const MAX_REFUSED: usize = 1024;

#[cfg(test)]
mod tests {
    use chat_core::{PersonName, RoomName};

    use super::*;

    fn job(who: &str, text: &str) -> Job {
        let (room, person) = (RoomName::inbox(), PersonName::parse(who).unwrap());
        Job { requester: Requester { room, person }, text: text.to_owned() }
    }

    #[test]
    fn the_limit_holds_and_jobs_of_one_requester_run_in_order() {
        let mut queue = JobQueue::new(2);
        assert_eq!(queue.submit(job("ana", "1")), Admission::Run(job("ana", "1")));
        assert_eq!(queue.submit(job("ana", "2")), Admission::Queued);
        assert_eq!(queue.submit(job("bob", "1")), Admission::Run(job("bob", "1")));
        assert_eq!(queue.submit(job("cleo", "1")), Admission::Queued);
        assert_eq!(
            queue.finish(&job("bob", "").requester),
            Some(job("cleo", "1")),
            "a job of ana is still running"
        );
        assert_eq!(queue.finish(&job("ana", "").requester), Some(job("ana", "2")));
        assert_eq!(queue.finish(&job("ana", "").requester), None);
    }

    #[test]
    fn a_requester_is_told_once_that_the_queue_is_full() {
        let mut queue = JobQueue::new(1);
        assert!(matches!(queue.submit(job("ana", "0")), Admission::Run(_)));
        for _ in 0..MAX_QUEUED_OF_ONE {
            assert_eq!(queue.submit(job("ana", "1")), Admission::Queued);
        }
        assert_eq!(queue.submit(job("ana", "2")), Admission::Refused(job("ana", "").requester));
        assert_eq!(queue.submit(job("ana", "3")), Admission::RefusedAgain);
        assert_eq!(queue.submit(job("bob", "1")), Admission::Queued, "the limit is per requester");
    }

    #[test]
    fn people_take_turns_and_who_has_much_waiting_makes_room() {
        let mut queue = JobQueue::new(8);
        for who in 0..8 {
            for text in 0..=MAX_QUEUED_OF_ONE {
                queue.submit(job(&format!("p{who}"), &text.to_string()));
            }
        }
        assert_eq!(queue.queued.len(), MAX_QUEUED);
        assert_eq!(queue.submit(job("ana", "1")), Admission::Displaces(job("p7", "").requester));
        assert_eq!(queue.submit(job("ana", "2")), Admission::Displaces(job("p6", "").requester));
        assert_eq!(queue.submit(job("p0", "more")), Admission::Refused(job("p0", "").requester));
        assert_eq!(queue.finish(&job("p3", "").requester), Some(job("ana", "1")), "she was never served");
        assert_eq!(queue.finish(&job("p5", "").requester), Some(job("p3", "1")), "as ana is being served");
        assert_eq!(queue.finish(&job("ana", "").requester), Some(job("p5", "1")), "ana was served last");
        assert_eq!(queue.submit(job("p0", "more")), Admission::Refused(job("p0", "").requester));
        for who in 0..MAX_QUEUED {
            queue.submit(job(&format!("q{who}"), "1"));
        }
        assert_eq!(queue.submit(job("q0", "2")), Admission::Refused(job("q0", "").requester));
        assert_eq!(queue.queued.len(), MAX_QUEUED);
        assert!(queue.served.len() <= queue.running.len() + queue.queued.len());
    }

    #[test]
    fn without_a_queue_no_job_waits() {
        let mut queue = JobQueue::without_queue(1);
        assert!(matches!(queue.submit(job("ana", "1")), Admission::Run(_)));
        assert!(matches!(queue.submit(job("bob", "1")), Admission::Refused(_)));
        assert_eq!(queue.finish(&job("ana", "").requester), None);
        assert!(matches!(queue.submit(job("bob", "2")), Admission::Run(_)));
    }
}
