<resource schema="ivoa" resdir="rd">
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="title">\getConfig{web}{siteName} High-Energy Extension of ObsCore</meta>
	<meta name="description">Metadata special to high-energy observations, for the data sets in this
		site's ObsCore table: numbers of events, energies, time coverage and observing modes.</meta>
	<meta name="subject">gamma-ray-astronomy</meta>
	<meta name="subject">cherenkov-detectors</meta>

	<STREAM id="columns">
		<doc>The columns of the High-Energy extension, from columns.csv.</doc>
		<LOOP>
			<codeItems>
				from ingest import columns
				yield from columns.rd_items("hea", integers=True)
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype"
						description="\description">
					<property name="std">1</property>
					<values nullLiteral="-1"/>
				</column>
			</events>
		</LOOP>
		<LOOP>
			<codeItems>
				from ingest import columns
				yield from columns.rd_items("hea")
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype"
						description="\description">
					<property name="std">1</property>
				</column>
			</events>
		</LOOP>
	</STREAM>

	<STREAM id="extension-table">
		<doc>What the two tables of the extension have in common.</doc>
		<property key="forceStats">True</property>
		<foreignKey inTable="//obscore#ObsCore" source="obs_publisher_did" metaOnly="True"/>
		<register/>
		<column original="//obscore#ObsCore.obs_publisher_did"/>
	</STREAM>

	<table id="obscore_hea" onDisk="True" adql="True" system="True" primary="obs_publisher_did">
		<meta name="description">The High-Energy extension of ObsCore: one row for each row of
			ivoa.obscore that comes from a high-energy instrument. Join the two with
			a NATURAL JOIN.</meta>
		<meta name="shortName">HEA ObsCore</meta>
		<FEED source="extension-table"/>
		<FEED source="columns"/>
		<viewStatement>CREATE VIEW \qName AS (SELECT 0)</viewStatement>
	</table>

	<table id="obscore_healpix" onDisk="True" adql="True" system="True" primary="obs_publisher_did">
		<meta name="title">\getConfig{web}{siteName} High-Energy Extension of ObsCore with HEALPix</meta>
		<meta name="description">The High-Energy extension of ObsCore with the HEALPix cell of each
			position, to join with catalogues that have such cells. Join it with ivoa.obscore by
			obs_publisher_did.</meta>
		<meta name="shortName">HEA HEALPix</meta>
		<FEED source="extension-table"/>
		<column name="healpix" type="bigint" ucd="pos.healpix"
				description="HEALPix cell of (s_ra, s_dec), ICRS: NESTED scheme, order 10 (nside 1024); NULL
					without a position.">
			<values nullLiteral="-1"/>
		</column>
		<FEED source="columns"/>
		<viewStatement>CREATE VIEW \qName AS (SELECT 0)</viewStatement>
	</table>

	<FEED source="rd/unions#view" view_name="obscore_hea" rd_id="rd/hea"/>
	<FEED source="rd/unions#view" view_name="obscore_healpix" rd_id="rd/hea"/>

	<STREAM id="scripts">
		<doc>The scripts of both mixins.</doc>
		<FEED source="rd/unions#mixin-scripts" view="rd/hea#obscore_hea"
			arguments=", unions.hea_expressions(table)"/>
		<FEED source="rd/unions#mixin-scripts" view="rd/hea#obscore_healpix"
			arguments=", unions.hea_expressions(table)"/>
		<FEED source="rd/unions#leave-scripts"/>
	</STREAM>

	<mixinDef id="publish">
		<doc>Makes a table feed ivoa.obscore_hea and ivoa.obscore_healpix. Use it together with one of the
			//obscore mixins. Parameters are SQL expressions over the table's columns, NULL if you do
			not give them.</doc>
		<mixinPar name="obs_publisher_did" description="The primary key of the data set in ivoa.obscore"
			>obs_publisher_did</mixinPar>
		<mixinPar name="s_ra" description="Right ascension (ICRS) in degrees, for the HEALPix cell"
			>s_ra</mixinPar>
		<mixinPar name="s_dec" description="Declination (ICRS) in degrees, for the HEALPix cell"
			>s_dec</mixinPar>
		<LOOP>
			<codeItems>
				from ingest import columns
				for column in columns.in_group("hea"):
					yield {"name": column.name, "description": column.description}
			</codeItems>
			<events>
				<mixinPar name="\name" description="\description">NULL</mixinPar>
			</events>
		</LOOP>
		<events>
			<property name="hea_obs_publisher_did">\obs_publisher_did</property>
			<property name="hea_healpix"
				>healpix_nest(10, spoint(RADIANS(\s_ra), RADIANS(\s_dec)))</property>
			<LOOP>
				<codeItems>
					from ingest import columns
					for column in columns.in_group("hea"):
						yield {"name": column.name, "macro": "\\" + column.name}
				</codeItems>
				<events>
					<property name="hea_\name">\macro</property>
				</events>
			</LOOP>
			<FEED source="scripts"/>
		</events>
	</mixinDef>

	<mixinDef id="publishLike">
		<doc>Like publish, for a table that has obs_publisher_did, s_ra, s_dec and all columns of the
			High-Energy extension under these names.</doc>
		<events>
			<property name="hea_healpix">healpix_nest(10, spoint(RADIANS(s_ra), RADIANS(s_dec)))</property>
			<FEED source="scripts"/>
		</events>
	</mixinDef>

	<coverage fallbackTo="__system__/obscore"/>
</resource>
