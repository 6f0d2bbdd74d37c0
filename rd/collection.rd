<resource schema="dc" resdir="rd">
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="title">Building blocks of a collection of Cherenkov data</meta>
	<meta name="description">Streams that a collection's RD replays: metadata, tables, import, services.
		Give collection, the name of the schema and of the folder below inputs.</meta>
	<meta name="subject">gamma-ray-astronomy</meta>

	<NXSTREAM id="metadata">
		<doc>Registry metadata from the collection's release.toml.</doc>
		<LOOP>
			<codeItems>
				from rd import metadata
				yield from metadata.items("\collection")
			</codeItems>
			<events>
				<meta name="\\name">\\value</meta>
			</events>
		</LOOP>
		<meta name="contentLevel">research</meta>
		<meta name="type">archive</meta>
		<meta name="coverage.waveband">Gamma-ray</meta>
	</NXSTREAM>

	<STREAM id="plain-obscore-columns">
		<doc>The columns of this site's ObsCore table, defined anew: copies would carry the site's value
			ranges.</doc>
		<LOOP>
			<codeItems>
				from rd import metadata
				yield from metadata.obscore_columns()
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype" xtype="\xtype"
						tablehead="\tablehead" description="\description" verbLevel="\verbLevel"
						displayHint="\displayHint">
					<property name="std">1</property>
				</column>
			</events>
		</LOOP>
	</STREAM>

	<NXSTREAM id="obscore-columns">
		<doc>All columns of this site's ObsCore table, and those of the High-Energy extension. Integers
			need a value that stands for NULL; for axis lengths it must not be -1, which means "no
			pixels" here.</doc>
		<FEED source="rd/collection#plain-obscore-columns">
			<EDIT ref="column[calib_level]"><values nullLiteral="-1"/></EDIT>
			<EDIT ref="column[access_estsize]"><values nullLiteral="-1"/></EDIT>
			<EDIT ref="column[s_xel1]"><values nullLiteral="-2147483648"/></EDIT>
			<EDIT ref="column[s_xel2]"><values nullLiteral="-2147483648"/></EDIT>
			<EDIT ref="column[t_xel]"><values nullLiteral="-2147483648"/></EDIT>
			<EDIT ref="column[em_xel]"><values nullLiteral="-2147483648"/></EDIT>
			<EDIT ref="column[pol_xel]"><values nullLiteral="-2147483648"/></EDIT>
		</FEED>
		<FEED source="rd/hea#columns"/>
	</NXSTREAM>

	<NXSTREAM id="tables">
		<doc>The tables of a collection: obscore, one row for each event list, and links, one for each
			file that can be fetched.</doc>
		<table id="obscore" onDisk="True" adql="True" primary="obs_publisher_did">
			<meta name="description">All observations of \metaString{title}: ObsCore with the High-Energy
				extension, one row for each event list. access_url is the file itself, with events and
				responses; the DataLink service has its parts. Times are MJD in TT.</meta>
			<meta name="_associatedDatalinkService">
				<meta name="serviceId">dl</meta>
				<meta name="idColumn">obs_publisher_did</meta>
			</meta>
			<property key="forceStats">True</property>
			<register/>
			<mixin
				access_url="'\getConfig{web}{serverURL}/\collection/q/dl/dlmeta?ID=' || gavo_urlescape(obs_publisher_did)"
				access_format="'application/x-votable+xml;content=datalink'"
				access_estsize="10"
				obs_creator_name="obs_creator_name"
				obs_release_date="obs_release_date"
				bib_reference="bib_reference"
				data_rights="data_rights"
				publisher_id="publisher_id"
				s_calib_status="s_calib_status"
				t_calib_status="t_calib_status"
				em_calib_status="em_calib_status"
				em_resolution="em_resolution"
				proposal_id="proposal_id"
				>//obscore#publishObscoreLike</mixin>
			<mixin>rd/hea#publish</mixin>
			<!-- ADQL on this table and the cone search use the first, ADQL on ivoa.obscore the second. -->
			<FEED source="//scs#spoint-index-def" ra="s_ra" dec="s_dec"/>
			<FEED source="//scs#splitPosIndex" long="s_ra" lat="s_dec" cluster="False"/>
			<index columns="s_region" method="GIST"/>
			<LOOP listItems="obs_id target_name t_min t_max energy_min energy_max">
				<events>
					<index columns="\\item"/>
				</events>
			</LOOP>
			<stc>Polygon ICRS [s_region]</stc>
			<stc>Position ICRS "s_ra" "s_dec"</stc>
			<FEED source="rd/times#annotation"/>
			<FEED source="rd/collection#obscore-columns"/>
		</table>

		<table id="links" onDisk="True" primary="access_path">
			<meta name="description">The rows of the DataLink documents of this collection.</meta>
			<mixin>rd/links#publish</mixin>
			<index columns="id"/>
			<index columns="obs_id"/>
			<column original="//datalink#dlresponse.ID" name="id"/>
			<LOOP listItems="semantics content_qualifier content_type content_length description">
				<events>
					<column original="//datalink#dlresponse.\\item"/>
				</events>
			</LOOP>
			<column original="//obscore#ObsCore.obs_id"/>
			<column name="access_path" type="text" required="True"
				description="Path of the linked file from the server's root"/>
			<column name="source" type="text" required="True"
				description="Path of the run's file below the DaCHS inputs directory"/>
			<column name="hdus" type="text"
				description="Byte ranges (offset+size) of the run's unpacked file that make the linked
					file, after a primary header; NULL if it is the run's file as it is"/>
		</table>

		<table id="fields" onDisk="True">
			<meta name="description">The fields of view of this collection. DaCHS takes the sky coverage from
				here: from a table that is fit for cone searches it would take the positions alone.</meta>
			<column name="s_region" type="spoly" description="Field of view"/>
			<viewStatement>CREATE VIEW \\qName AS (SELECT s_region FROM \collection.obscore)</viewStatement>
		</table>
	</NXSTREAM>

	<NXSTREAM id="coverage">
		<doc>Coverage in space, time and energy; to be replayed after the tables.</doc>
		<coverage>
			<updater sourceTable="obscore" spaceTable="fields" mocOrder="6"/>
		</coverage>
	</NXSTREAM>

	<NXSTREAM id="import">
		<doc>The import: one pass over the release's files feeds all tables.</doc>
		<data id="import">
			<sources items="release.toml"/>
			<embeddedGrammar isDispatching="True">
				<iterator>
					<code>
						from rd import metadata
						yield from metadata.rows("\collection")
					</code>
				</iterator>
			</embeddedGrammar>
			<make table="obscore" role="observation">
				<rowmaker idmaps="*">
					<map key="s_region">pgsphere.SPoly.fromDALI(@s_region) if @s_region else None</map>
					<map key="source_table">"\collection.obscore"</map>
				</rowmaker>
			</make>
			<make table="links" role="link"/>
			<make table="fields" role="none"/>
		</data>
	</NXSTREAM>

	<NXSTREAM id="services">
		<doc>Cone search (and form), DataLink, and the files cut out of runs.</doc>
		<service id="cone" allowed="scs.xml,form">
			<meta name="title">\metaString{title}: Cone Search</meta>
			<meta name="shortName">\metaString{shortName} SCS</meta>
			<meta name="description">Finds observations by their pointing position.
				\metaString{description}</meta>
			<meta name="maxSR">90</meta>
			<FEED source="rd/collection#cone-example" collection="\collection"/>
			<publish render="scs.xml" sets="ivo_managed"/>
			<publish render="form" sets="local,ivo_managed"/>
			<scsCore queriedTable="obscore">
				<FEED source="//scs#coreDescs"/>
				<LOOP listItems="target_name obs_id t_min energy_max">
					<events>
						<condDesc buildFrom="\\item"/>
					</events>
				</LOOP>
			</scsCore>
			<!-- What people see in the form's results; cone search clients get every column. -->
			<outputTable>
				<outputField original="obs_id"/>
				<outputField original="target_name"/>
				<outputField original="s_ra" displayHint="sf=4"/>
				<outputField original="s_dec" displayHint="sf=4"/>
				<outputField original="//scs#distCol"/>
				<outputField original="t_min" tablehead="Start (TT)" unit="" displayHint="">
					<formatter>
						from rd import metadata
						return metadata.date_and_time(data)
					</formatter>
				</outputField>
				<outputField original="t_exptime" tablehead="Live time" displayHint="sf=0"/>
				<outputField original="ev_xel" tablehead="Events"/>
				<outputField original="energy_min" tablehead="From" displayHint="displayUnit=TeV,sf=2"/>
				<outputField original="energy_max" tablehead="To" displayHint="displayUnit=TeV,sf=0"/>
				<outputField original="s_fov" displayHint="sf=1"/>
				<outputField original="obs_mode" tablehead="Mode"/>
				<outputField original="event_type" tablehead="Events of type"/>
				<outputField original="access_url" tablehead="File"/>
				<outputField original="obs_publisher_did" tablehead="Parts">
					<formatter>
						return T.a(href="/\collection/q/dl/dlmeta?ID="+urllib.parse.quote(data))["DataLink"]
					</formatter>
				</outputField>
			</outputTable>
		</service>

		<service id="dl" allowed="dlmeta">
			<meta name="title">\metaString{title}: DataLink</meta>
			<meta name="shortName">\metaString{shortName} DL</meta>
			<meta name="description">Leads from an observation to its event list, its instrument
				responses, and the complete file. IDs are obs_publisher_did; obs_id works, too.</meta>
			<datalinkCore>
				<descriptorGenerator>
					<code>
						from datalink import service
						return service.describe("\collection", pubDID)
					</code>
				</descriptorGenerator>
				<metaMaker>
					<code>
						from datalink import service
						yield from service.links(descriptor)
					</code>
				</metaMaker>
			</datalinkCore>
		</service>

		<service id="file" allowed="custom" customPage="../rd/file_page">
			<meta name="title">\metaString{title}: Files</meta>
			<meta name="description">Delivers the files of the release, and event lists and responses as
				FITS files of their own.</meta>
			<nullCore/>
		</service>
	</NXSTREAM>

	<NXSTREAM id="cone-example">
		<doc>A position that the registry may test the cone search with: the first observation's.</doc>
		<LOOP>
			<codeItems>
				from rd import metadata
				yield from metadata.example("\collection")
			</codeItems>
			<events>
				<meta name="testQuery">
					<meta name="ra">\\ra</meta>
					<meta name="dec">\\dec</meta>
					<meta name="sr">0.1</meta>
				</meta>
			</events>
		</LOOP>
	</NXSTREAM>
</resource>
