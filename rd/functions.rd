<resource schema="ivoa" resdir="rd">
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="title">Time coverage and energy ranges in queries</meta>
	<meta name="description">Functions of the database, and the indexes that they use.</meta>
	<meta name="subject">virtual-observatories</meta>

	<!-- The definitions are in functions.sql; the ADQL functions made of them are in
		adql_functions.py, which etc/userconfig.rd loads. -->

	<data id="install">
		<!-- DaCHS runs scripts for tables on disk only. -->
		<table id="nothing" onDisk="True" temporary="True"/>
		<make table="nothing">
			<script name="define functions" lang="python" type="postCreation">
				from rd import functions
				functions.install(table.connection)
			</script>
		</make>
	</data>

	<STREAM id="position-indexes">
		<doc>Indexes for positions, fields of view and regions in a table with the columns of ObsCore. That
			over s_region is one over circles around the polygons, which upstream/regions.py makes
			queries use: pg_sphere's own takes twenty times longer to make. Nothing is clustered: it
			would rewrite the table.</doc>
		<FEED source="//scs#spoint-index-def" ra="s_ra" dec="s_dec" cluster="False"/>
		<index name="fov" columns="s_fov" method="GIST"
			>scircle(spoint(radians(s_ra), radians(s_dec)), radians(s_fov/2))</index>
		<index name="healpix_cell" columns="s_ra,s_dec">healpix_nest(10, spoint(radians(s_ra), radians(s_dec)))</index>
		<index name="region" columns="s_region" method="GIST">public.region_bounds(s_region)</index>
	</STREAM>

	<STREAM id="indexes">
		<doc>Indexes for the ADQL functions on time coverage and energies, in a table with the columns of
			the High-Energy extension.</doc>
		<index name="tmoc" columns="t_intervals" method="GIST">public.tmoc_ranges(t_intervals)</index>
		<index name="energy_range" columns="energy_min,energy_max"
			method="GIST">public.energy_span(energy_min, energy_max)</index>
	</STREAM>
</resource>
