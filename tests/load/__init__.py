"""Programs that put load on servers of their own, apart from the tests: they measure."""
