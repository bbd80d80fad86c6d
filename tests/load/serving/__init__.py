"""The benchmark of serving: this project's backend beside what else could serve the same model."""
