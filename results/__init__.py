"""Writers of big results: from PostgreSQL's binary COPY to VOTable, FITS, CSV and Parquet.

DaCHS turns every value of a result into a Python object. Here, a query's result comes as a binary COPY,
is taken apart in numpy and put together again by Arrow, some megabytes at a time: memory does not grow
with the number of rows. What a column needs beyond that (rare types, rare characters) is
done by DaCHS's own code for this column alone, so that results are those that DaCHS would write.
"""
