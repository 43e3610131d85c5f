"""Documents that other tools read, made from a `Log`. Not formats: nothing reads them back."""
