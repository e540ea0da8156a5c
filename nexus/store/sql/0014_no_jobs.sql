-- What a thread is owed is a run: the rows of `runs` have taken the place of `jobs`, and the start walks every thread.
DROP TABLE IF EXISTS jobs;
