"""The one-page report: pictures and measurements of a case, without a word about the patient."""
